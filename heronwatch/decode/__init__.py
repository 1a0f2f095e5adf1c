"""From nodes of YAML and a type to a value of that type, with every fault on the way."""
