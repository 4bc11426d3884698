import { TextInput } from '@mantine/core'

/** Why, for the audit and for whoever is on call next. */
export function ReasonInput({ value, onChange, required, label = 'Reason' }: { value: string; onChange: (v: string) => void; required?: boolean; label?: string }) {
  return (
    <TextInput label={label} description="For the audit, and for whoever is on call next: a ticket, a cause." placeholder="CHG-4711, kernel upgrade in us-east"
      value={value} onChange={(e) => onChange(e.currentTarget.value)} required={required} maxLength={1000} data-autofocus />
  )
}
