"""Figures from files alone: a kind makes a chart, a chart is drawn for paper or for a browser."""
