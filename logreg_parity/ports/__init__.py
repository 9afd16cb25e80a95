"""Anybody's two programs: does a port compute what the original computes?"""
