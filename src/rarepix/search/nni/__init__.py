"""Everything that touches NNI: its files, its REST interface, its database, its command line, its patch."""
