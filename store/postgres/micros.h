#pragma once

// How times leave the database: whole microseconds since the epoch (numeric arithmetic: exact), the SQL
// expression of a literal that names a timestamptz. What no count of microseconds can hold, 'infinity' among
// it, becomes the first or the last moment that can be written: one row must not fail the statement that
// reads a hundred.
#define SLIPWAY_MICROS(time)                                                     \
  "CASE WHEN " time " IS NOT NULL THEN (least(greatest(extract(epoch FROM " time \
  "), -62135596800), 253402300799) * 1000000)::bigint END"
