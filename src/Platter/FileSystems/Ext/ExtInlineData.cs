using Platter.Primitives;

namespace Platter.FileSystems.Ext;

/// <summary>Content in the inode (inline_data): 60 bytes in place of the map, the rest in the attribute system.data, which is always there.</summary>
internal static class ExtInlineData
{
    private static readonly byte[] Name = "data"u8.ToArray();

    /// <summary>Stores content; false when it does not fit, and nothing has changed. The length is the caller's to set, and the inode to be written.</summary>
    public static bool TryStore(ExtInode inode, ExtEditState state, ReadOnlySpan<byte> content)
    {
        var first = Math.Min(content.Length, ExtInodeRecord.BlockLength);
        var attributes = new ExtAttributeEditor(inode, state);
        if (!attributes.TrySet(ExtAttributes.SystemIndex, Name, content[first..].ToArray(), inInodeOnly: true))
            return false;
        attributes.Store();
        inode.EditBlock.Clear();
        content[..first].CopyTo(inode.EditBlock);
        return true;
    }

    /// <summary>Ends it: the attribute goes and the flag; what the map is to be is the caller's to say.</summary>
    public static void Remove(ExtInode inode, ExtEditState state)
    {
        var attributes = new ExtAttributeEditor(inode, state);
        attributes.TrySet(ExtAttributes.SystemIndex, Name, null);
        attributes.Store();
        inode.SetFlag(ExtInodeFlags.InlineData, false);
    }
}
