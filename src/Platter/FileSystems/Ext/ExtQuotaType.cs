namespace Platter.FileSystems.Ext;

/// <summary>Whose usage a quota file counts; also the order of the files.</summary>
internal enum ExtQuotaType
{
    User = 0,
    Group = 1,
    Project = 2,
}
