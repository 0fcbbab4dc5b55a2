"""The control panel, a part a file. Each is built once and refreshed when what it tells changes, so
that a page does not grow however long it is used.

Words, names and sentences may be anything: where HTML is made they go through `html.escape`, and
nothing is ever Markdown.
"""
