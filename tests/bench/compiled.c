/*
 * What the bench has compiled: a small program without headers, that sorts
 * words and counts them.
 */
typedef unsigned long size_type;

struct word {
	struct word *left, *right;
	const char *text;
	size_type length, count;
};

static const char text[] =
	"a frame has one owner and one type and a frame is writable by a guest "
	"only while it is no page table and no descriptor table of anybody";

static struct word words[64];
static size_type used;

static int compare(const char *a, size_type na, const char *b, size_type nb)
{
	size_type i, n = na < nb ? na : nb;

	for (i = 0; i < n; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return na == nb ? 0 : na < nb ? -1 : 1;
}

static struct word *word_new(const char *s, size_type length)
{
	struct word *w;

	if (used == sizeof(words) / sizeof(words[0]))
		return 0;
	w = &words[used++];
	w->text = s;
	w->length = length;
	w->count = 1;
	return w;
}

static struct word *word_add(struct word *root, const char *s, size_type n)
{
	int order;

	if (!root)
		return word_new(s, n);
	order = compare(s, n, root->text, root->length);
	if (order == 0)
		root->count++;
	else if (order < 0)
		root->left = word_add(root->left, s, n);
	else
		root->right = word_add(root->right, s, n);
	return root;
}

static size_type depth(const struct word *w)
{
	size_type left, right;

	if (!w)
		return 0;
	left = depth(w->left);
	right = depth(w->right);
	return 1 + (left > right ? left : right);
}

static size_type most(const struct word *w)
{
	size_type n, best;

	if (!w)
		return 0;
	best = w->count;
	n = most(w->left);
	if (n > best)
		best = n;
	n = most(w->right);
	return n > best ? n : best;
}

int main(void)
{
	struct word *root = 0;
	const char *start = text, *s;

	for (s = text;; s++) {
		if (*s != ' ' && *s)
			continue;
		if (s > start)
			root = word_add(root, start, (size_type)(s - start));
		if (!*s)
			break;
		start = s + 1;
	}
	return (int)(most(root) + depth(root));
}
