"""Training together: tasks, Flower apps, guard and gate, and the signatures that portal and sites trust each other by."""
