"""Graph to graph: equal values for less work (`rules`, `pieces`), more digits (`stability`), on threads (`shards`)."""
