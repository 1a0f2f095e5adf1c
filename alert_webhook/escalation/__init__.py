"""Who is paged when nobody answers: the pure step, and the engine that carries it out."""
