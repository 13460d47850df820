// The page of gcmc serve: whose list it is, what they rated, what is recommended, and an item looked up.
// The server keeps nothing of a visitor: new ratings live in `state.own` and in the address, and go along with every
// question. Titles and ids are anybody's text: they enter the page as text nodes and attributes, never as HTML.
'use strict';

const ASKED = 100, STEP = 10, FEW = 5, MOST_BUTTONS = 10;
const state = {
  models: [], model: null,
  user: null, newcomer: false,       // an id; or somebody new; or neither yet
  known: new Map(), own: new Map(),  // item -> rating: of the data, highest first; made here
  list: [], recommends: false,       // what the list shows: recommendations, or items to begin with
  shown: STEP, known_shown: FEW, open: new Set(), item: null, opened_from: '',
};
const titles = new Map();
const pending = new Map();  // topic -> AbortController of its last question
const outdated = new Error('a newer question was asked');
let token = sessionStorage.getItem('gcmc-token') ?? '';

const $ = id => document.getElementById(id);
const by_key = key => document.querySelector(`[data-key="${CSS.escape(key)}"]`);
const plural = (count, one) => `${count.toLocaleString('en')} ${one}${count === 1 ? '' : 's'}`;
const span = () => state.model.levels.at(-1) - state.model.levels[0];
const show = rating => rating.toFixed(span() > 20 ? 1 : 2);
const learn = entries => entries.forEach(entry => titles.set(entry.item, entry.title));
const title_of = item => titles.get(item) || item;
const rating_of = item => state.own.get(item) ?? state.known.get(item);
const somebody = () => state.user !== null || state.newcomer;
const rated_any = () => state.user !== null || state.own.size > 0;
const name = () => state.user !== null ? `user ${state.user}` : 'you';

// An attribute that is a function listens; children that are strings become text.
function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === 'function') node.addEventListener(key, value);
    else node.setAttribute(key, value);
  }
  node.append(...children);
  return node;
}

const text = (kind, words) => make('span', {class: kind}, words);
const sign = words => make('span', {'aria-hidden': 'true'}, words);
const button = (kind, key, words, click) =>
  make('button', {type: 'button', class: kind, 'data-key': key, click}, words);
const title_button = (item, place) => button('title', `${place} ${item}`, title_of(item), () => open_item(item));

// Draws, and puts the focus back: on the control of the same key, or in the row at its place, or on the heading.
function keeping_focus(draw) {
  const old = document.activeElement, rows = old?.closest('ol, ul, #item-card');
  const row = rows ? [...rows.children].findIndex(child => child.contains(old)) : -1;
  draw();
  if (!rows || !old.dataset.key || old.isConnected) return;
  const near = rows.children[Math.min(row, rows.children.length - 1)]?.querySelector('[data-key]');
  const places = [by_key(old.dataset.key), near, rows.closest('section').querySelector('h2')];
  places.find(node => node?.checkVisibility())?.focus({preventScroll: true});
}

// ---- questions to the server

class Failure extends Error {
  constructor(message, status) { super(message); this.status = status; }
}

const cancel = (...topics) => topics.forEach(topic => pending.get(topic)?.abort());

// The answer to the newest question of a topic; an older one that is still under way throws `outdated`.
async function ask(topic, path, body, query = {}) {
  cancel(topic);
  const mine = new AbortController();
  pending.set(topic, mine);
  const parameters = new URLSearchParams(query), headers = {};
  if (state.models.length > 1 && topic !== 'models') parameters.set('model', state.model.name);
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers['Content-Type'] = 'application/json';
  const late = setTimeout(() => mine.abort('late'), 30000);
  let response, answer;
  try {
    response = await fetch(parameters.size ? `${path}?${parameters}` : path, {
      method: body ? 'POST' : 'GET', body: body && JSON.stringify(body), headers, signal: mine.signal});
    answer = await response.json();
  } catch {
    if (mine.signal.aborted && mine.signal.reason !== 'late') throw outdated;
    throw new Failure(response ? 'The server gave an answer that cannot be read.' : 'The server does not answer.', 0);
  } finally {
    clearTimeout(late);
    if (pending.get(topic) === mine) pending.delete(topic);
  }
  if (mine.signal.aborted) throw outdated;
  if (!response.ok)
    throw new Failure(answer.detail || answer.title || `The server answers ${response.status}.`, response.status);
  return answer;
}

// Runs a task; false if a newer one took its place. `tell` says what goes wrong, unless it concerns the whole page.
async function attempt(task, tell = failure => trouble(failure.message)) {
  try {
    await task();
  } catch (failure) {
    if (failure === outdated) return false;
    if (!(failure instanceof Failure)) throw failure;
    if (failure.status === 401) ask_token();
    else if (failure.status === 0 || failure.status === 503) trouble(failure.message);
    else tell(failure);
  }
  return true;
}

function trouble(words) {
  $('trouble').hidden = !words;
  $('trouble-text').textContent = words;
}

function ask_token() {
  $('token-text').textContent = token ? 'The server refuses this token.' :
    'This server asks for a token. It is kept until this tab is closed, and sent to this server alone.';
  $('token-form').hidden = false;
  $('columns').hidden = true;
  $('token').focus();
}

// ---- the address: #model=NAME&user=ID (or new=)&rated=RATING:ITEM&item=ID

function write_address(replace) {
  const parts = new URLSearchParams();
  if (state.models.length > 1) parts.set('model', state.model.name);
  if (state.user !== null) parts.set('user', state.user);
  else if (state.newcomer) parts.set('new', '');
  for (const [item, rating] of state.own) parts.append('rated', `${rating}:${item}`);
  if (state.item !== null) parts.set('item', state.item);
  history[replace ? 'replaceState' : 'pushState'](null, '', `#${parts}`);
}

function read_address() {
  const parts = new URLSearchParams(location.hash.slice(1)), ratings = parts.getAll('rated');
  state.model = state.models.find(model => model.name === parts.get('model')) ?? state.models[0];
  state.user = parts.get('user') || null;
  state.item = parts.get('item') || null;
  state.own = new Map(ratings.map(each => [each.slice(each.indexOf(':') + 1), parseFloat(each)])
    .filter(([item, rating]) => item && state.model.folds_in && state.model.levels?.includes(rating)));
  state.newcomer = state.user === null && state.model.folds_in === true && (parts.has('new') || state.own.size > 0);
}

const start = () => attempt(async () => {
  trouble('');
  state.models = (await ask('models', '/v1/models')).models;
  $('token-form').hidden = true;
  if (!state.models.length) throw new Failure('The server has no model.', 404);
  $('model-choice').hidden = state.models.length < 2;
  $('model').replaceChildren(...state.models.map(model => make('option', {value: model.name}, model.name)));
  await arrive();
});

async function arrive() {
  const before = state.model?.name;
  read_address();
  const model = state.model, ready = model.state === 'ready', waits = model.state === 'loading';
  $('model').value = model.name;
  $('waiting').hidden = !waits;
  $('waiting').textContent = waits ? `The model ${model.name} is being loaded …` : '';
  $('columns').hidden = !ready;
  $('about').textContent = ready ?
    `${model.dataset} · ${plural(model.users, 'user')} · ${plural(model.items, 'item')}` : model.name;
  if (waits) setTimeout(() => state.model === model && start(), 1000);
  else if (model.state === 'unloaded') throw new Failure(`The model ${model.name} was unloaded.`, 409);
  else if (!ready) throw new Failure(`The model ${model.name} could not be loaded. ${model.detail ?? ''}`, 409);
  if (!ready) return;
  if (before !== model.name) titles.clear();
  if (!somebody()) attempt(greet);
  $('no-folding').hidden = model.folds_in;
  document.querySelectorAll('.folds').forEach(node => { node.hidden = !model.folds_in; });
  await Promise.all([search(), load_person().then(newest => newest && load_item())]);
}

// Some users to begin with.
async function greet() {
  const {users: some} = await ask('some', '/v1/users', null, {n: FEW});
  $('some-users').replaceChildren(...some.map(entry =>
    make('li', {}, button('', `some ${entry.user}`, `User ${entry.user}`, () => choose_user(entry.user)))));
}

function go(changes) {
  Object.assign(state, changes);
  write_address(false);
  trouble('');
  return attempt(arrive);
}

// ---- the person: what they rated, and the list

// What a question says of the person: an id, and the ratings made here.
function person() {
  const ratings = Array.from(state.own, ([item, rating]) => ({item, rating}));
  return {...(state.user !== null && {user: state.user}), ...((state.user === null || ratings.length) && {ratings})};
}

const load_person = () => attempt(async () => {
  cancel('known', 'list', 'card');
  Object.assign(state, {known: new Map(), list: [], recommends: false, shown: STEP, known_shown: FEW});
  state.open.clear();
  document.title = `${state.user !== null ? `User ${state.user}` : 'Recommendations'} · gcmc`;
  $('who').value = state.user ?? '';
  $('newcomer').setAttribute('aria-pressed', state.newcomer);
  draw_rated();
  draw_list('');
  if (state.user !== null) {
    const path = `/v1/users/${encodeURIComponent(state.user)}/ratings`;
    const answer = await ask('known', path);
    learn(answer.ratings);
    state.known = new Map(answer.ratings.map(entry => [entry.item, entry.rating]));
  }
  await Promise.all([...state.own.keys()].filter(item => !titles.has(item)).map(learn_title));
  draw_rated();
  await load_list();
}, failure => draw_list(failure.status === 404 ? `This model has no user “${state.user}”.` : failure.message));

// An item of the address that the model does not have is dropped.
const learn_title = item => attempt(async () => {
  learn((await ask(`title ${item}`, '/v1/similar', {item, n: 1})).similar);
}, () => state.own.delete(item));

// `words` tell what was done with the ratings of `changed`.
async function load_list(words = '', changed = []) {
  if (!somebody()) return draw_list('');
  const begins = !rated_any();
  $('list-section').setAttribute('aria-busy', 'true');
  try {
    const answer = begins ? await ask('list', '/v1/items', null, {n: ASKED}) :
      await ask('list', '/v1/recommend', {...person(), n: ASKED, probabilities: true, interval: true});
    const entries = begins ? answer.items : answer.recommendations[0].items;
    learn(entries);
    const moves = words && state.recommends && !begins ? compare(state.list, entries, new Set(changed)) : new Map();
    const count = plural(new Set([...state.known.keys(), ...state.own.keys()]).size, 'rating');
    const first = begins ? 'These were rated most. One rating is enough for a first list; each one makes it better.' :
      entries.length ? `${count} known.` : 'Nothing is left to recommend.';
    Object.assign(state, {list: entries, recommends: !begins});
    draw_list(moves.size ? `${words} ${tell_moves(moves)}` : `${words} ${first}`, moves);
  } finally {
    if (!pending.has('list')) $('list-section').removeAttribute('aria-busy');
  }
}

// item -> places that it went up, leaving aside what was rated or taken back; or 'new': it was not among those shown.
function compare(before, after, changed) {
  const ranks = list =>
    new Map(list.filter(entry => !changed.has(entry.item)).map((entry, rank) => [entry.item, rank]));
  const old = ranks(before), now = ranks(after), seen = new Set(before.slice(0, state.shown).map(entry => entry.item));
  const move = item => seen.has(item) && old.has(item) ? old.get(item) - now.get(item) : 'new';
  return new Map(after.map(({item}) => [item, move(item)]));
}

function tell_moves(moves) {
  const shown = state.list.slice(0, state.shown).map(entry => moves.get(entry.item));
  const count = (holds, words) => [shown.filter(holds).length, words];
  const parts = [count(move => move > 0, 'moved up'), count(move => move < 0, 'moved down'),
                 count(move => move === 'new', 'new here')].filter(([number]) => number);
  return parts.length ? `Of these ${shown.length}: ${parts.map(part => part.join(' ')).join(', ')}.` : 'Nothing moved.';
}

function rate(item, rating) {
  if (rating === state.own.get(item) || rating === state.known.get(item)) return undo([item]);
  if (!somebody()) state.newcomer = true;
  state.own.delete(item);
  state.own.set(item, rating);
  changed(`You rated ${title_of(item)} ${rating}.`, [item]);
}

function undo(items) {
  const had = items.filter(item => state.own.delete(item));
  if (had.length > 1) changed('The ratings made here are taken back.', had);
  else if (had.length) changed(`The rating of ${title_of(had[0])} is taken back.`, had);
}

function changed(words, items) {
  trouble('');
  write_address(true);
  $('newcomer').setAttribute('aria-pressed', state.newcomer);
  keeping_focus(draw_rated);
  attempt(() => load_list(words, items));
  attempt(load_card);
}

// ---- drawing

function draw_rated() {
  const row = (place, item, rating, ...more) =>
    make('li', {}, text('mark', String(rating)), title_button(item, place), ...more);
  const take_back = item => {
    const node = button('quiet', `undo ${item}`, 'Undo', () => undo([item]));
    node.setAttribute('aria-label', `Undo the rating of ${title_of(item)}`);
    return node;
  };
  $('own-list').replaceChildren(...[...state.own].reverse().map(([item, rating]) => row('own', item, rating,
    state.known.has(item) ? text('faint', `was ${state.known.get(item)}`) : '', take_back(item))));
  $('known-list').replaceChildren(
    ...[...state.known].slice(0, state.known_shown).map(([item, rating]) => row('known', item, rating)));
  $('own').hidden = !state.own.size;
  $('undo-all').hidden = state.own.size < 2;
  $('known').hidden = !state.known.size;
  $('known-heading').textContent = `Before: ${plural(state.known.size, 'rating')}`;
  $('more-known').hidden = state.known.size <= state.known_shown;
  $('none-rated').hidden = state.own.size + state.known.size > 0;
}

function draw_list(news, moves = new Map()) {
  const list = $('list'), begins = state.newcomer && !rated_any();
  const tops = new Map([...list.children].map(row => [row.dataset.item, row.getBoundingClientRect().top]));
  $('list-heading').textContent = !somebody() ? 'Welcome' : begins ? 'Rate what you know' : `Recommended for ${name()}`;
  $('news').textContent = news.trim();
  $('welcome').hidden = somebody();
  keeping_focus(() => list.replaceChildren(...state.list.slice(0, state.shown).map((entry, rank) =>
    make('li', {'data-item': entry.item}, sign(`${rank + 1}`), card(entry, 'list', moves.get(entry.item))))));
  $('legend').hidden = !state.list.length || begins;
  $('more').hidden = state.list.length <= state.shown;
  if (matchMedia('(prefers-reduced-motion: reduce)').matches) return;
  for (const row of list.children) {
    const by = tops.get(row.dataset.item) - row.getBoundingClientRect().top;
    if (by) row.animate([{transform: `translateY(${by}px)`}, {}], {duration: 300, easing: 'ease-out'});
  }
}

// An item with its expected rating, its chances, the control that rates it, and the reasons on demand.
function card(entry, place, move = 0) {
  const figures = make('p', {class: 'figures'}), {low, high} = entry;
  if (entry.rating !== undefined)
    figures.append(text('hidden', 'expected rating '), make('strong', {}, show(entry.rating)));
  if (low !== undefined) figures.append(text('', low === high ? `likely ${low}` : `likely ${low} to ${high}`));
  if (entry.ratings !== undefined) figures.append(text('faint', plural(entry.ratings, 'rating')));
  if (move === 'new') figures.append(text('badge new', 'new here'));
  else if (move) {
    const way = move > 0 ? 'up' : 'down';
    figures.append(make('span', {class: `badge ${way}`}, sign(move > 0 ? '▲ ' : '▼ '), text('hidden', `${way} `),
      `${Math.abs(move)}`));
  }
  const heading = make('h3', {}, place === 'list' ? title_button(entry.item, place) : title_of(entry.item));
  return make('div', {class: 'card'}, make('div', {}, heading, figures), rater(entry, place),
    entry.rating !== undefined && state.model.folds_in ? reasons(entry, place) : '');
}

// The chances of the levels, and what gives one: a button each, or a slider and a button where they are many.
function rater(entry, place) {
  const {levels, mean, folds_in} = state.model, given = rating_of(entry.item), few = levels.length <= MOST_BUTTONS;
  const label = `Rate ${title_of(entry.item)}`;
  const kind = !few ? 'rater many' : levels.length > FEW ? 'rater broad' : 'rater';
  const group = make('div', {class: kind, role: 'group', 'aria-label': label});
  const far = level => Math.abs(level - (given ?? entry.rating ?? (few ? levels.at(-1) : mean)));
  const nearest = levels.reduce((best, level, k) => far(level) < far(levels[best]) ? k : best, 0);
  group.append(make('div', {class: 'levels'}, ...(few ? level_buttons : slider)(entry, place, nearest, given)));
  if (given !== undefined) group.append(make('p', {class: 'given'}, `Rated ${given}`));
  if (!folds_in) group.querySelectorAll('button, input').forEach(control => { control.disabled = true; });
  return group;
}

function bars(entry) {
  const chances = entry.probabilities ?? [], most = Math.max(...chances);
  return (most > 0 ? chances : []).map((chance, k) => {
    const level = state.model.levels[k], likely = level >= entry.low && level <= entry.high;
    const bar = text(likely ? 'bar likely' : 'bar', '');
    bar.style.height = `${100 * chance / most}%`;
    return bar;
  });
}

// One stop of the Tab key: the arrows go from level to level.
function level_buttons(entry, place, nearest, given) {
  const drawn = bars(entry);
  const buttons = state.model.levels.map((level, k) => {
    const node = button('', `${place} rate ${level} ${entry.item}`, '', () => rate(entry.item, level));
    const label = drawn[k] ? `${level}, ${Math.round(100 * entry.probabilities[k])} % likely` : `${level}`;
    if (drawn[k]) node.append(make('span', {class: 'bars', 'aria-hidden': 'true'}, drawn[k]));
    node.append(`${level}`);
    Object.assign(node, {title: label, ariaLabel: label, ariaPressed: `${level === given}`});
    node.tabIndex = k === nearest ? 0 : -1;
    node.addEventListener('keydown', event => {
      const last = buttons.length - 1;
      const by = {ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, Home: -last, End: last}[event.key];
      if (!by) return;
      event.preventDefault();
      const to = buttons[Math.min(Math.max(k + by, 0), last)];
      node.tabIndex = -1;
      to.tabIndex = 0;
      to.focus();
    });
    return node;
  });
  return buttons;
}

function slider(entry, place, nearest) {
  const {levels} = state.model, drawn = bars(entry);
  const give = button('', `${place} rate ${entry.item}`, '', () => rate(entry.item, levels[input.value]));
  const input = make('input', {type: 'range', min: 0, max: levels.length - 1, value: nearest, 'aria-label': 'Rating',
    'data-key': `${place} slide ${entry.item}`, input: () => tell()});
  const tell = () => {
    give.textContent = `Rate ${levels[input.value]}`;
    input.setAttribute('aria-valuetext', levels[input.value]);
  };
  tell();
  return [drawn.length ? make('div', {class: 'bars', 'aria-hidden': 'true'}, ...drawn) : '', input, give];
}

function reasons(entry, place) {
  const key = `${place} why ${entry.item}`, box = make('div', {class: 'why'});
  const summary = make('summary', {'data-key': key}, 'Why', text('hidden', ` ${title_of(entry.item)}`), '?');
  const node = make('details', {}, summary, box);
  node.open = state.open.has(key);
  node.addEventListener('toggle', () => {
    if (!node.open) return state.open.delete(key);
    state.open.add(key);
    return attempt(async () => {
      const answer = await ask(key, '/v1/explain', {...person(), item: entry.item, n: FEW});
      learn(answer.reasons);
      draw_reasons(box, answer.reasons.filter(reason => reason.effect !== 0));
    }, failure => box.replaceChildren(make('p', {}, failure.message)));
  });
  return node;
}

function draw_reasons(box, found) {
  const most = Math.max(...found.map(reason => Math.abs(reason.effect)));
  const rows = found.map(({item, rating, effect}) => {
    const up = effect > 0, size = Math.abs(effect), bar = text(up ? 'effect' : 'effect down', '');
    bar.style.width = `${Math.max(3, 100 * size / most)}%`;
    return make('li', {}, text('mark', String(rating)), text('', title_of(item)),
      make('span', {class: 'by'}, sign(up ? '▲ ' : '▼ '),
        `${up ? 'raises' : 'lowers'} it by ${size < 0.001 ? 'less than 0.001' : size.toFixed(span() > 20 ? 2 : 3)}`),
      make('span', {class: 'track', 'aria-hidden': 'true'}, bar));
  });
  box.replaceChildren(make('p', {}, !rows.length ? 'No single rating changes it.' :
    `Because ${name()} rated these, which change the expected rating most:`), make('ul', {class: 'reasons'}, ...rows));
}

// ---- looking up

const search = () => attempt(async () => {
  const words = $('look').value.trim();
  const {items, total} = await ask('items', '/v1/items', null, {...words && {search: words}, n: STEP});
  learn(items);
  $('found-count').textContent = !words ? 'Rated most:' : !total ? 'Nothing found.' :
    `${total.toLocaleString('en')} found${total > items.length ? `, ${items.length} of them here` : ''}:`;
  $('found-list').replaceChildren(...items.map(entry =>
    make('li', {}, title_button(entry.item, 'found'), text('faint', plural(entry.ratings, 'rating')))));
});

function show_item(item) {
  state.item = item;
  write_address(false);
  return load_item();
}

function open_item(item) {
  if (state.item === null) state.opened_from = document.activeElement?.dataset.key ?? '';
  show_item(item);
  $('look-heading').focus();
}

function close_item() {
  show_item(null);
  const from = by_key(state.opened_from);
  (from?.checkVisibility() ? from : $('look')).focus();
}

const load_item = () => attempt(async () => {
  const item = state.item;
  cancel('card', 'similar');
  $('found').hidden = item !== null;
  $('item').hidden = item === null;
  $('item-card').replaceChildren();
  $('similar').replaceChildren();
  if (item === null) return;
  const [found] = (await ask('similar', '/v1/similar', {item, n: STEP})).similar;
  learn([found, ...found.neighbours]);
  $('similar').replaceChildren(...found.neighbours.map(({item, similarity}) =>
    make('li', {}, title_button(item, 'similar'), text('faint', `${Math.round(100 * similarity)} % alike`))));
  await load_card();
}, failure => $('item-card').replaceChildren(
  make('p', {}, failure.status === 404 ? `This model has no item “${state.item}”.` : failure.message)));

// The item looked up, with what is expected of the present person.
async function load_card() {
  const item = state.item;
  if (item === null) return;
  const answer = rated_any() && await ask('card', '/v1/recommend',
    {...person(), only: [item], include_rated: true, n: 1, probabilities: true, interval: true});
  const entry = answer ? answer.recommendations[0].items[0] : {item};
  keeping_focus(() => $('item-card').replaceChildren(card(entry, 'item'), make('p', {class: 'faint'},
    answer ? `Expected of ${name()}.` : 'An expected rating stands here once there is a user, or one rating.')));
}

// ---- the list of users that opens under their field

const users = {options: [], at: -1};

function close_users() {
  cancel('users');
  $('who-popup').hidden = true;
  $('who').setAttribute('aria-expanded', 'false');
  $('who').removeAttribute('aria-activedescendant');
}

const open_users = prefix => attempt(async () => {
  const answer = await ask('users', '/v1/users', null, {prefix, n: 20}), more = answer.total - answer.users.length;
  close_users();
  if (!answer.users.length || document.activeElement !== $('who')) return;
  Object.assign(users, {at: -1, options: answer.users.map((entry, k) => make('li', {role: 'option', id: `who-${k}`,
    'data-user': entry.user, 'aria-selected': 'false', mousedown: event => event.preventDefault(),
    click: () => choose_user(entry.user)}, text('', entry.user), text('faint', plural(entry.ratings, 'rating'))))});
  $('who-list').replaceChildren(...users.options);
  $('who-more').textContent = more > 0 ? `${more.toLocaleString('en')} more: type the id’s beginning.` : '';
  $('who-popup').hidden = false;
  $('who').setAttribute('aria-expanded', 'true');
});

function choose_user(user) {
  close_users();
  if (user) go({user, newcomer: false, own: new Map()});
}

function step_users(by) {
  if ($('who-popup').hidden) return open_users('');
  const count = users.options.length;
  users.options[users.at]?.setAttribute('aria-selected', 'false');
  users.at = users.at < 0 ? (by > 0 ? 0 : count - 1) : (users.at + by + count) % count;
  users.options[users.at].setAttribute('aria-selected', 'true');
  users.options[users.at].scrollIntoView({block: 'nearest'});
  $('who').setAttribute('aria-activedescendant', `who-${users.at}`);
}

// ---- events

const on = (id, event, listener) => $(id).addEventListener(event, listener);
const on_submit = (id, act) => on(id, 'submit', event => { event.preventDefault(); act(); });
let typing;

function show_more(count, by, list, draw) {
  const at = state[count];
  state[count] += by;
  draw();
  $(list).children[at].querySelector('button').focus();
}

on('who', 'input', () => open_users($('who').value.trim()));
on('who', 'click', () => open_users(''));
on('who', 'blur', close_users);
on('who', 'keydown', event => {
  const act = {ArrowDown: () => step_users(1), ArrowUp: () => step_users(-1), Escape: close_users}[event.key];
  if (act) { event.preventDefault(); act(); }
});
on_submit('who-form', () => choose_user(
  $('who-popup').hidden ? $('who').value.trim() : users.options[users.at]?.dataset.user ?? $('who').value.trim()));
on('newcomer', 'click', () => go({user: null, newcomer: true, own: new Map()}));
on('undo-all', 'click', () => { undo([...state.own.keys()]); $('rated-heading').focus(); });
on('more-known', 'click', () => show_more('known_shown', 4 * FEW, 'known-list', draw_rated));
on('more', 'click', () => show_more('shown', STEP, 'list', () => draw_list($('news').textContent)));
on('look', 'input', () => {
  clearTimeout(typing);
  typing = setTimeout(search, 150);
  if (state.item !== null) show_item(null);
});
on_submit('look-form', search);
on('item-close', 'click', close_item);
on('model', 'change', () =>
  go({model: state.models.find(model => model.name === $('model').value), item: null, own: new Map()}));
on('retry', 'click', start);
on('skip', 'click', event => { event.preventDefault(); $('list-heading').focus(); });
on_submit('token-form', () => {
  token = $('token').value.trim();
  sessionStorage.setItem('gcmc-token', token);
  $('token').value = '';
  start();
});
$('known').open = matchMedia('(min-width: 761px)').matches;  // below that, recommendations come first
addEventListener('popstate', () => { if (state.models.length) attempt(arrive); });
start();
