// What the thread of all connections answers by itself: is it alive, is it ready, what it counted, the page.
#pragma once

#include "service.hpp"

namespace serve {

Response alive(Call& call);
Response ready(Call& call);
Response metrics(Call& call);
Response openapi(Call& call);
Response page(Call& call);
Response page_style(Call& call);
Response page_script(Call& call);

}  // namespace serve
