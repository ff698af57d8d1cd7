"""From names of a spec to graphs and functions: losses, metrics, layers, optimizers, and the model that they make."""
