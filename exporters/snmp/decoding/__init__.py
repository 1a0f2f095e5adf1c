"""From the bytes of a walk to samples: columns, labels of rows, values."""
