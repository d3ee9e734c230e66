"""Which groups are one campaign, who belongs to it, and who succeeds it?"""
