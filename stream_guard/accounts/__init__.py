"""1. What does this account's traffic look like, and what holds for it now?"""
