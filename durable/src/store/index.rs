//! The index of a namespace: names of objects, and alarms by time.
