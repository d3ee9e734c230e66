"""Who shares something rare, and do they behave as one?"""
