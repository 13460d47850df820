// Kernels on integers: dropout masks, the choice of sources, and the split of edges for target removal.
#include "device.hpp"
#include "kernels.hpp"

namespace gcmc::kernels {
namespace {

/// Eight threads make the 64 bits of one group: thread `lane` draws counter 8 * group + lane, whose word w holds the
/// draws of indices 16 w + 2 lane and the next (see kept()).
__global__ void __launch_bounds__(block_threads, least_blocks) draw_mask(const DrawMask op) {
  const Offset counter = thread_of_grid();
  const unsigned lane = threadIdx.x % 8;
  const auto words = philox(
      {static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32), op.mask.step, op.mask.tensor},
      op.mask.seed);
  unsigned long long bits = 0;
  for (unsigned word = 0; word < 4; ++word)
    for (unsigned half = 0; half < 2; ++half)
      if ((words[word] >> (16 * half) & 0xFFFF) < op.mask.keep_of_65536) bits |= 1ull << (16 * word + 2 * lane + half);
  for (int distance = 4; distance > 0; distance /= 2) bits |= __shfl_xor_sync(whole_warp, bits, distance);
  if (lane == 0 && counter / 8 < op.count / 64) reinterpret_cast<unsigned long long*>(op.bits)[counter / 8] = bits;
}

/// Pairs that one block numbers: each warp as many times 32 neighbouring ones as there are warps.
constexpr Offset select_tile = block_threads * block_warps;

__device__ bool source_kept(const SelectSources& op, Index pair) {
  if (pair >= op.tables * op.sources) return false;
  const Index table = pair / op.sources;
  return bit_of(op.bits, (op.all_tables ? 0 : table) * round_up(op.sources, 64) + (pair - table * op.sources));
}
/// The pair of a lane in turn `turn` of its warp.
__device__ Index pair_in_turn(int turn) {
  return warp_of_grid() * block_threads + turn * warp_lanes + lane_of_thread();
}

__global__ void __launch_bounds__(block_threads, least_blocks) count_kept(const SelectSources op, Index* counts) {
  Index kept = 0;
  for (int turn = 0; turn < block_warps; ++turn) kept += source_kept(op, pair_in_turn(turn));
  kept = block_sum(kept);
  if (threadIdx.x == 0) counts[blockIdx.x] = kept;
}

__global__ void __launch_bounds__(block_threads, least_blocks) list_kept(const SelectSources op, const Index* counts) {
  Index before = 0;
  for (unsigned block = threadIdx.x; block < blockIdx.x; block += block_threads) before += counts[block];
  Index next = block_sum(before);
  if (threadIdx.x == 0 && blockIdx.x == gridDim.x - 1) *op.count = next + counts[blockIdx.x];

  __shared__ Index kept_by_warp[block_warps];
  const int warp = warp_of_block();
  Index kept = 0;
  for (int turn = 0; turn < block_warps; ++turn) kept += source_kept(op, pair_in_turn(turn));
  kept = warp_sum(kept);
  if (lane_of_thread() == 0) kept_by_warp[warp] = kept;
  __syncthreads();
  for (int other = 0; other < warp; ++other) next += kept_by_warp[other];

  for (int turn = 0; turn < block_warps; ++turn) {
    const Index pair = pair_in_turn(turn);
    const bool keep = source_kept(op, pair);
    const unsigned kept_lanes = __ballot_sync(whole_warp, keep);
    if (keep) op.list[next + __popc(kept_lanes & ((1u << lane_of_thread()) - 1))] = pair;
    next += __popc(kept_lanes);
  }
}

/// Is entry `e` of the receiver's row a target, to be predicted?
__device__ bool is_target(const SplitEdges& op, Offset receiver, Offset e) {
  const auto source = static_cast<Offset>(op.adjacency.source[e]);
  const Offset items = op.sources_are_items ? op.adjacency.sources : op.adjacency.receivers;
  const Offset index = op.sources_are_items ? receiver * items + source : source * items + receiver;
  return kept(op.mask, static_cast<std::uint64_t>(index));
}

/// A warp a receiver: each row is read once to count and once to write, both parts in the row's order.
__global__ void __launch_bounds__(block_threads, least_blocks) split_edges(const SplitEdges op) {
  const Index receiver = warp_of_grid();
  if (receiver >= op.adjacency.receivers) return;
  const int lane = lane_of_thread();
  Offset carried = 0;
  for (Index level = 0; level < op.adjacency.levels; ++level) {
    const Offset row = Offset{receiver} * op.adjacency.levels + level;
    const Offset begin = op.adjacency.begin[row], end = op.adjacency.end[row];
    Index targets = 0;
    for (Offset e = begin + lane; e < end; e += warp_lanes) targets += is_target(op, receiver, e);
    const Offset middle = end - warp_sum(targets);
    Offset next_carried = begin, next_target = middle;
    for (Offset first = begin; first < end; first += warp_lanes) {
      const bool inside = first + lane < end, target = inside && is_target(op, receiver, first + lane);
      const unsigned insides = __ballot_sync(whole_warp, inside), target_lanes = __ballot_sync(whole_warp, target);
      const unsigned lower = (1u << lane) - 1, alike = target ? target_lanes : insides & ~target_lanes;
      if (inside)
        op.source[(target ? next_target : next_carried) + __popc(alike & lower)] = op.adjacency.source[first + lane];
      next_carried += __popc(insides & ~target_lanes);
      next_target += __popc(target_lanes);
    }
    if (lane == 0) op.middle[row] = middle;
    carried += middle - begin;
  }
  if (lane == 0) op.carried[receiver] = carried;
}

/// One block. Integers: their sum does not depend on its order.
__global__ void __launch_bounds__(block_threads, least_blocks) count_predicted(const SplitEdges op) {
  const Adjacency& graph = op.adjacency;
  Offset carried = 0;
  for (Index i = static_cast<Index>(threadIdx.x); i < graph.receivers; i += block_threads) carried += op.carried[i];
  carried = block_sum(carried);
  const Offset rows = Offset{graph.receivers} * graph.levels;
  if (threadIdx.x == 0) *op.predicted = rows ? graph.end[rows - 1] - graph.begin[0] - carried : 0;
}

}  // namespace

void run(CudaContext& context, const DrawMask& op) {
  context.launch("draw_mask", &draw_mask, blocks_for(op.count / 64, 8), op);
}

void run(CudaContext& context, const SelectSources& op) {
  const auto blocks = static_cast<unsigned>(Offset{op.tables} * op.sources / select_tile + 1);  // one writes the count
  auto* counts = context.scratch<Index>(0, blocks);
  context.launch("count_kept", &count_kept, blocks, op, counts);
  context.launch("list_kept", &list_kept, blocks, op, counts);
}

void run(CudaContext& context, const SplitEdges& op) {
  context.launch("split_edges", &split_edges, blocks_for(op.adjacency.receivers, warp_lanes), op);
  if (op.predicted) context.launch("count_predicted", &count_predicted, 1, op);
}

}  // namespace gcmc::kernels
