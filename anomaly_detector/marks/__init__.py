"""What people marked elsewhere, read so that nothing is learnt from it: incidents, maintenance, silences."""
