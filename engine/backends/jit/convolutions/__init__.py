"""Convolutions and the pools behind them, as loops over their outputs."""
