"""Parts of a cluster that die under load: the load, what happens, and what has to hold afterwards."""
