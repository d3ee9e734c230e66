"""Traffic with the truth attached: honest people, crowds and campaigns, seeded.

It knows the contract and the public record, and nothing of how detection works: whoever wrote the
traffic must be able to disagree with whoever wrote the detector (an import-linter rule holds it).
"""
