"""Small roots of datasets in their official layouts, for readers, exporters and whoever runs over
them. Every root shows the same few things, which do not move, from a car that does: what a reader
says of poses and cameras can be told from the points alone.
"""
