package web

import (
	"github.com/gin-gonic/gin"

	"github.com/meridian-gtm/meridian/web/api"
)

// ListRegions, and so on, answer the routes of their names.
func (s *server) ListRegions(c *gin.Context)         { regions.getAll(s, c) }
func (s *server) GetRegion(c *gin.Context, _ string) { regions.get(s, c) }
func (s *server) PutRegion(c *gin.Context, _ string, p api.PutRegionParams) {
	regions.put(s, c, objectPut(p))
}
func (s *server) DeleteRegion(c *gin.Context, _ string, p api.DeleteRegionParams) {
	regions.delete(s, c, objectDelete(p))
}
func (s *server) ListProviders(c *gin.Context)         { providers.getAll(s, c) }
func (s *server) GetProvider(c *gin.Context, _ string) { providers.get(s, c) }
func (s *server) PutProvider(c *gin.Context, _ string, p api.PutProviderParams) {
	providers.put(s, c, objectPut(p))
}
func (s *server) DeleteProvider(c *gin.Context, _ string, p api.DeleteProviderParams) {
	providers.delete(s, c, objectDelete(p))
}
func (s *server) ListMonitors(c *gin.Context)         { monitors.getAll(s, c) }
func (s *server) GetMonitor(c *gin.Context, _ string) { monitors.get(s, c) }
func (s *server) PutMonitor(c *gin.Context, _ string, p api.PutMonitorParams) {
	monitors.put(s, c, objectPut(p))
}
func (s *server) DeleteMonitor(c *gin.Context, _ string, p api.DeleteMonitorParams) {
	monitors.delete(s, c, objectDelete(p))
}
func (s *server) ListPools(c *gin.Context)         { pools.getAll(s, c) }
func (s *server) GetPool(c *gin.Context, _ string) { pools.get(s, c) }
func (s *server) PutPool(c *gin.Context, _ string, p api.PutPoolParams) {
	pools.put(s, c, objectPut(p))
}
func (s *server) DeletePool(c *gin.Context, _ string, p api.DeletePoolParams) {
	pools.delete(s, c, objectDelete(p))
}
func (s *server) ListTemplates(c *gin.Context)         { templates.getAll(s, c) }
func (s *server) GetTemplate(c *gin.Context, _ string) { templates.get(s, c) }
func (s *server) PutTemplate(c *gin.Context, _ string, p api.PutTemplateParams) {
	templates.put(s, c, objectPut(p))
}
func (s *server) DeleteTemplate(c *gin.Context, _ string, p api.DeleteTemplateParams) {
	templates.delete(s, c, objectDelete(p))
}
func (s *server) ListServices(c *gin.Context)         { services.getAll(s, c) }
func (s *server) GetService(c *gin.Context, _ string) { services.get(s, c) }
func (s *server) PutService(c *gin.Context, _ string, p api.PutServiceParams) {
	services.put(s, c, objectPut(p))
}
func (s *server) DeleteService(c *gin.Context, _ string, p api.DeleteServiceParams) {
	services.delete(s, c, objectDelete(p))
}
func (s *server) ListSafetyRules(c *gin.Context)         { safetyRules.getAll(s, c) }
func (s *server) GetSafetyRule(c *gin.Context, _ string) { safetyRules.get(s, c) }
func (s *server) PutSafetyRule(c *gin.Context, _ string, p api.PutSafetyRuleParams) {
	safetyRules.put(s, c, objectPut(p))
}
func (s *server) DeleteSafetyRule(c *gin.Context, _ string, p api.DeleteSafetyRuleParams) {
	safetyRules.delete(s, c, objectDelete(p))
}
func (s *server) ListReviewRules(c *gin.Context)         { reviewRules.getAll(s, c) }
func (s *server) GetReviewRule(c *gin.Context, _ string) { reviewRules.get(s, c) }
func (s *server) PutReviewRule(c *gin.Context, _ string, p api.PutReviewRuleParams) {
	reviewRules.put(s, c, objectPut(p))
}
func (s *server) ListDrillPlans(c *gin.Context)         { drillPlans.getAll(s, c) }
func (s *server) GetDrillPlan(c *gin.Context, _ string) { drillPlans.get(s, c) }
func (s *server) PutDrillPlan(c *gin.Context, _ string, p api.PutDrillPlanParams) {
	drillPlans.put(s, c, objectPut(p))
}
func (s *server) DeleteDrillPlan(c *gin.Context, _ string, p api.DeleteDrillPlanParams) {
	drillPlans.delete(s, c, objectDelete(p))
}
func (s *server) ListPlaces(c *gin.Context)         { places.getAll(s, c) }
func (s *server) GetPlace(c *gin.Context, _ string) { places.get(s, c) }
func (s *server) PutPlace(c *gin.Context, _ string, p api.PutPlaceParams) {
	places.put(s, c, objectPut(p))
}
func (s *server) DeletePlace(c *gin.Context, _ string, p api.DeletePlaceParams) {
	places.delete(s, c, objectDelete(p))
}
