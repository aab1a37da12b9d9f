"""The HTML door: views parse, call one service or selector, and render.

They decide nothing and write nothing.
"""
