// What Amazon SageMaker asks of a container that serves.
#pragma once

#include "service.hpp"

namespace serve {

Response ping(Call& call);
Response invocations(Call& call);
Response execution_parameters(Call& call);

// A multi-model endpoint's:
Response list_hosted(Call& call);
Response add_hosted(Call& call);
Response show_hosted(Call& call);
Response remove_hosted(Call& call);

}  // namespace serve
