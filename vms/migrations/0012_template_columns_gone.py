"""The columns that became blueprints go. Apart from that: PostgreSQL alters no table with fresh rows."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ("vms", "0011_template_blueprints"),
    ]

    operations = [
        migrations.RemoveField(model_name="template", name="vcpus"),
        migrations.RemoveField(model_name="template", name="memory_mib"),
        migrations.RemoveField(model_name="template", name="disk_bytes"),
        migrations.RemoveField(model_name="template", name="network_name"),
        migrations.RemoveField(model_name="template", name="has_cloud_init"),
        migrations.RemoveField(model_name="template", name="default_user"),
    ]
