"""Pictures: Pillow and resvg, in processes of their own."""
