// The Open Inference Protocol (version 2, as KServe, Triton and MLServer speak it), over HTTP: pairs as two tensors of
// ids in, ratings and probabilities of levels out. And its extension for repositories: load, unload, list.
#pragma once

#include "service.hpp"

namespace serve {

Response server_metadata(Call& call);
Response model_metadata(Call& call);
Response model_ready(Call& call);
Response infer(Call& call);
Response list_repository(Call& call);
Response load_model(Call& call);
Response unload_model(Call& call);

}  // namespace serve
