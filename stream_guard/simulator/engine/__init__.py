"""How traffic is made fast: accounts are rows of one table, time goes in stretches, text comes last.

    member.py     an account before it is opened
    roster.py     who there is: one row per account, and the pieces of text that its events are made of
    columns.py    the tables beneath
    pool.py       what is asked: real prompts, task lists, labels
    rhythm.py     when accounts begin a conversation, an hour of event time at once
    sessions.py   conversations become requests: tokens, latency, outcome, one row each
    lines.py      a row becomes a line of JSON
    play.py       stretch after stretch, in order of time, through the gate

Nothing here knows who is honest: `honest/` and `attackers/` fill the roster, with the same means.
"""
