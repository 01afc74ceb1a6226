#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// The one piece of the chunker that Swift cannot say: instructions that only some processors have, chosen while the
// program runs. Without them `LaneSearch` finds the same cuts, at an eighth of the speed.

/// How many lanes are searched at once, and how many bytes a digest covers.
enum { wide_search_lanes = 64, wide_search_window = 64 };

/// What the search needs to know of a polynomial P of degree 53. A digest D is kept as D·x^3 in seven planes of a byte
/// each, so that the byte that leaves it at the top is a plane.
///
/// A matrix maps a byte to a byte: its lowest byte gives bit 7 of the result, its highest bit 0; each is the set of bits
/// whose parity that is.
struct wide_search_tables {
  /// By the byte that a shift moves out at the top: its remainder.
  uint64_t reduction[7];
  /// By the byte that leaves the window: its share in the shifted digest.
  uint64_t removal[7];
  /// By the byte that enters: where x^3 puts it.
  uint64_t entry[2];
  /// The bits of the lowest three planes that are zero at a cut.
  uint8_t cut_mask[3];
};

/// Whether this processor and its system can do it.
bool wide_search_is_supported(void);

/// The least n >= 1 such that the digest of the 64 bytes before `start + n` is a cut, or 0 where none of the
/// 64 * `lane` bytes from `start` on ends at one.
///
/// `lane` is a multiple of 64. The window's 64 bytes before `start` are read, too. Only where `wide_search_is_supported`.
size_t wide_search(const uint8_t *start, size_t lane, const struct wide_search_tables *tables);
