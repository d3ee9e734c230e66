"""How good is it?  Decisions against the truth: recorded traffic, or traffic that reacts.

`counts.py` holds the definitions (those of the contract: harvested, delay, false blocks), `openlog.py`
applies them to files, `loop.py` to a closed loop with the simulator; `deciders/` are the detector and
what people use today.  Nothing here is known to the stages, and nobody below imports it.
"""
