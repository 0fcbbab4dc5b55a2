"""Where things stand: kinds of places, their ground and roads, and who is put where."""
