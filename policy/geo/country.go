package geo

// CountryPlace is the place of a whole country, by its ISO 3166-1 code: the
// middle of its population. Not ok: there is no such country.
func CountryPlace(code string) (Place, bool) { return countryPlace(code) }
