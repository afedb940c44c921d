using Platter.Blocks;
using Platter.FileSystems.ExFat;
using Platter.FileSystems.Ext;
using Platter.FileSystems.Fat;
using Platter.FileSystems.Ntfs;

namespace Platter.FileSystems;

/// <summary>The kinds of filesystem that Platter knows.</summary>
public static class FileSystemTypes
{
    /// <summary>In the order in which they are tried on an unknown volume: the strictest signatures first.</summary>
    public static IReadOnlyList<FileSystemType> All => Known.Types;

    /// <summary>The kind with this type name (<c>fat32</c>), or null.</summary>
    public static FileSystemType? Find(string name) => All.FirstOrDefault(t => t.Names.Contains(name, StringComparer.OrdinalIgnoreCase));

    /// <summary>The kind that a device starts like, or null.</summary>
    public static FileSystemType? Recognise(BlockDevice device)
    {
        // The smallest first, on its own: what it asks for, the two with stricter signatures leave empty, and nothing of theirs is prepared for it.
        if (FatGeometry.Recognise(device))
            return Fat.Type;
        foreach (var type in Known.Types)
        {
            if (!ReferenceEquals(type, Fat.Type) && type.Recognise(device))
                return type;
        }
        return null;
    }

    private static class Fat
    {
        internal static readonly FatType Type = new();
    }

    private static class Known
    {
        internal static readonly FileSystemType[] Types = [new ExFatType(), new NtfsType(), Fat.Type, new ExtType()];
    }
}
