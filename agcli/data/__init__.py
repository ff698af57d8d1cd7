"""From the section `data:` of a spec, or from a file, to a data set; and what is known of one before any model."""
