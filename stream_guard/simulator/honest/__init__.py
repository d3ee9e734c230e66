"""Honest customers: individuals, crowds that share something, products that many use.

Each function draws one of its kind into a `World`; `catalogue.py` knows them by name.
"""
