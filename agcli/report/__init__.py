"""Events -> what a person or a program reads. The only importer of rich."""
