#include "CRabin.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define LANES wide_search_lanes
#define WINDOW wide_search_window
#define PLANES 7
#define INLINE __attribute__((always_inline, target("avx512f,avx512bw,gfni"))) static inline
#define UNROLL _Pragma("clang loop unroll(full)")

/// A byte of each lane.
typedef __m512i vector;

bool wide_search_is_supported(void) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("gfni");
}

INLINE vector apply(uint64_t matrix, vector bytes) {
  return _mm512_gf2p8affine_epi64_epi8(bytes, _mm512_set1_epi64((long long)matrix), 0);
}

INLINE vector xor3(vector a, vector b, vector c) { return _mm512_ternarylogic_epi64(a, b, c, 0x96); }

/// `a | b & c`
INLINE vector or_and(vector a, vector b, vector c) { return _mm512_ternarylogic_epi64(a, b, c, 0xf8); }

/// One round of a perfect shuffle, four of which transpose the 16 x 16 bytes in each quarter of the 16 vectors.
INLINE void shuffle(const vector from[16], vector to[16]) {
  UNROLL for (int i = 0; i < 8; i++) {
    to[2 * i] = _mm512_unpacklo_epi8(from[i], from[i + 8]);
    to[2 * i + 1] = _mm512_unpackhi_epi8(from[i], from[i + 8]);
  }
}

/// Takes 64 bytes of each lane, the first from `start` on: columns[i] is byte i of every lane.
INLINE void load_columns(const uint8_t *start, size_t lane, vector columns[WINDOW]) {
  // Quarter q of quarters[l + i] is byte 16 q + i of the lanes l to l + 15.
  vector quarters[LANES];
  for (int first = 0; first < LANES; first += 16) {
    vector a[16], b[16];
    UNROLL for (int i = 0; i < 16; i++) a[i] = _mm512_loadu_si512(start + (size_t)(first + i) * lane);
    shuffle(a, b);
    shuffle(b, a);
    shuffle(a, b);
    shuffle(b, a);
    UNROLL for (int i = 0; i < 16; i++) quarters[first + i] = a[i];
  }
  // 0x88 takes the even quarters of both vectors, 0xdd the odd ones.
  for (int i = 0; i < 16; i++) {
    vector even_low = _mm512_shuffle_i64x2(quarters[i], quarters[16 + i], 0x88);
    vector even_high = _mm512_shuffle_i64x2(quarters[32 + i], quarters[48 + i], 0x88);
    vector odd_low = _mm512_shuffle_i64x2(quarters[i], quarters[16 + i], 0xdd);
    vector odd_high = _mm512_shuffle_i64x2(quarters[32 + i], quarters[48 + i], 0xdd);
    columns[i] = _mm512_shuffle_i64x2(even_low, even_high, 0x88);
    columns[16 + i] = _mm512_shuffle_i64x2(odd_low, odd_high, 0x88);
    columns[32 + i] = _mm512_shuffle_i64x2(even_low, even_high, 0xdd);
    columns[48 + i] = _mm512_shuffle_i64x2(odd_low, odd_high, 0xdd);
  }
}

/// Moves every lane's digest on by the byte `entering`, while `leaving` goes out of its window.
INLINE void advance(vector digest[PLANES], vector entering, vector leaving, const struct wide_search_tables *tables) {
  vector top = digest[PLANES - 1];
  UNROLL for (int i = PLANES - 1; i > 0; i--) {
    digest[i] = xor3(digest[i - 1], apply(tables->reduction[i], top), apply(tables->removal[i], leaving));
  }
  digest[0] = xor3(
      apply(tables->reduction[0], top), apply(tables->removal[0], leaving), apply(tables->entry[0], entering));
  digest[1] = _mm512_xor_si512(digest[1], apply(tables->entry[1], entering));
}

__attribute__((target("avx512f,avx512bw,gfni"))) size_t wide_search(
    const uint8_t *start, size_t lane, const struct wide_search_tables *tables) {
  // A copy that nothing else points to: the matrices stay in registers.
  const struct wide_search_tables own = *tables;
  vector digest[PLANES] = {};
  vector columns[2][WINDOW];
  vector *leaving = columns[0], *entering = columns[1];
  load_columns(start - WINDOW, lane, leaving);
  for (int i = 0; i < WINDOW; i++) advance(digest, leaving[i], _mm512_setzero_si512(), &own);

  size_t cut = 0;
  for (size_t offset = 0; offset < lane; offset += WINDOW) {
    load_columns(start + offset, lane, entering);
    for (int i = 0; i < WINDOW; i++) {
      advance(digest, entering[i], leaving[i], &own);
      vector set = _mm512_and_si512(digest[0], _mm512_set1_epi8((char)own.cut_mask[0]));
      set = or_and(set, digest[1], _mm512_set1_epi8((char)own.cut_mask[1]));
      set = or_and(set, digest[2], _mm512_set1_epi8((char)own.cut_mask[2]));
      __mmask64 cuts = _mm512_testn_epi8_mask(set, set);
      if (__builtin_expect(cuts != 0, 0)) {
        // Of one step the first lane is the first; an earlier lane may still find one further on in it.
        size_t found = (size_t)__builtin_ctzll(cuts) * lane + offset + (size_t)i + 1;
        if (cut == 0 || found < cut) cut = found;
      }
    }
    vector *free = leaving;
    leaving = entering;
    entering = free;
  }
  return cut;
}

#else

bool wide_search_is_supported(void) { return false; }

size_t wide_search(const uint8_t *start, size_t lane, const struct wide_search_tables *tables) {
  (void)start, (void)lane, (void)tables;
  __builtin_trap();
}

#endif
