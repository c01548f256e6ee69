"""What is shown, without Qt: marks, figures, views, their files, theme and camera."""
