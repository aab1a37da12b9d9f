"""Views, one module per screen: parse, call one service or selector, render."""
