"""Campaigns of the public record, and whoever runs them.

record.py      what was published of each campaign, and what of it is drawn
scheme.py      how an operator goes about it, by level: naive, careful, informed
farm.py        his cards, devices, exits and clients, and the accounts he opens with them
operation.py   deals the work over the accounts, hour by hour
response.py    what he does when he is refused
"""
