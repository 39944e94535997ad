"""What several benches share: data sets, rounds without the gate, remembered training, the model of costs."""
