package main

// pages reads a list page by page, limit of its items at most, or all for 0.
// next is where to go on if there is more.
func pages[T any](limit int, after string, page func(most int, after string) (items []T, next string, err error)) (all []T, next string, err error) {
	const most = 1000 // of one page
	all = []T{}
	for {
		want := most
		if limit > 0 {
			want = min(most, limit-len(all))
		}
		items, next, err := page(want, after)
		if err != nil {
			return nil, "", err
		}
		all, after = append(all, items...), next
		if next == "" || limit > 0 && len(all) >= limit {
			return all, next, nil
		}
	}
}
