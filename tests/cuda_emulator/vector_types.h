// Stand-in for CUDA's vector types: dim3, float4 and the like, with the alignment that the programming guide states.
#pragma once

#define GCMC_EMULATED_VECTOR(name, type)                                         \
  struct alignas(sizeof(type)) name##1 {                                         \
    type x;                                                                      \
  };                                                                             \
  struct alignas(2 * sizeof(type)) name##2 {                                     \
    type x, y;                                                                   \
  };                                                                             \
  struct name##3 {                                                               \
    type x, y, z;                                                                \
  };                                                                             \
  struct alignas(sizeof(type) < 4 ? 4 * sizeof(type) : 16) name##4 {             \
    type x, y, z, w;                                                             \
  };                                                                             \
  constexpr name##2 make_##name##2(type x, type y) { return {x, y}; }            \
  constexpr name##3 make_##name##3(type x, type y, type z) { return {x, y, z}; } \
  constexpr name##4 make_##name##4(type x, type y, type z, type w) { return {x, y, z, w}; }

GCMC_EMULATED_VECTOR(char, signed char)
GCMC_EMULATED_VECTOR(uchar, unsigned char)
GCMC_EMULATED_VECTOR(short, short)
GCMC_EMULATED_VECTOR(ushort, unsigned short)
GCMC_EMULATED_VECTOR(int, int)
GCMC_EMULATED_VECTOR(uint, unsigned int)
GCMC_EMULATED_VECTOR(longlong, long long)
GCMC_EMULATED_VECTOR(ulonglong, unsigned long long)
GCMC_EMULATED_VECTOR(float, float)
GCMC_EMULATED_VECTOR(double, double)
#undef GCMC_EMULATED_VECTOR

struct dim3 {
  unsigned int x, y, z;
  constexpr dim3(unsigned int vx = 1, unsigned int vy = 1, unsigned int vz = 1) : x(vx), y(vy), z(vz) {}
  constexpr operator uint3() const { return {x, y, z}; }
};
