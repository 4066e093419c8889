"""What crosses a process or a disk: plain frozen data, no Keras, Ray or Optuna."""
