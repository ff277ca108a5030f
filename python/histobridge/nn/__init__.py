"""Torch blocks shared by all systems, and the one training loop.

Nothing is imported here: ``recipe`` is plain data, every other module imports torch.
"""
