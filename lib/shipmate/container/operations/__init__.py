"""Metrics, traces and health: what operators watch."""
