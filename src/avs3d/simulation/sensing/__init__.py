"""The LiDAR: sensors, their beams and echoes, weather, motion."""
