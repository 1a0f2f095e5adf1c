"""What is normal: the model seam, its registry, and one file for each model."""
